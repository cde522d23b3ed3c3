"""Deploying what was audited, proving it on what is deployed, taking it down: `python -m deployment`."""
