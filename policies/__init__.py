"""What must hold: the rules, and everything that applies them to constructs, templates and assemblies."""
