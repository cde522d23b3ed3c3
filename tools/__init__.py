"""What maintainers run by hand, now and then."""
