"""Items of a timeline as sources; only Nuke Studio and Hiero have timelines."""
