"""One file a measure: a function of the measure's name, which prints its JSON lines."""
