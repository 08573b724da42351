INSERT INTO strings (value) VALUES (?) ON CONFLICT (value) DO NOTHING
