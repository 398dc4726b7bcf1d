"""CNI profiles: where a CNI is known to read policies otherwise than the published semantics, as data.

A profile is a YAML file of deviations, each with its reason, links and affected versions. What a deviation
covers is never a list of scenarios: it names a *reading*, a rewriting of topology and policies into what
this CNI takes them for, and the predictor says which flows come out otherwise. Pure but for `load`, which
reads files; nothing here sees an observation.
"""
