"""What an audit leaves behind: each requirement with its verdict and its evidence, in a report to be checked."""
