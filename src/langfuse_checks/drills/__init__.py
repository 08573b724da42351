"""`make drill`: faults put into the application on purpose, and the promises they break."""
