INSERT INTO customers VALUES (?, ?, ?)
