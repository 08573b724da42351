SELECT * FROM scores
