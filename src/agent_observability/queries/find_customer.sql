SELECT name, email FROM customers WHERE pseudonym = :pseudonym
