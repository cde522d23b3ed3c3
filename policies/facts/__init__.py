"""What several subjects of rules ask of a template: whom a policy lets in, where a subnet leads, what is a name."""
