"""The relapse model of Locatelli et al., Blood 2012;120:2807: facts in, decision out.

This package imports the standard library and nothing else. It knows no FHIR and no HTTP.
The medicine is in ``tables/*.toml``; the Python here is order of steps, dates and intervals.
"""
