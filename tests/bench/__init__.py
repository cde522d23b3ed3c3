"""Measurements, run by `make bench`; no tests, since figures of a shared machine prove nothing by themselves."""
