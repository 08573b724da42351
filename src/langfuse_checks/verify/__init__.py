"""`make verify`: the promises of the chapter, checked against what a backend has stored."""
