INSERT INTO policies (id, region, topic, body) VALUES (:id, :region, :topic, :text)
