SELECT number, reason FROM handoffs
WHERE actor = :actor AND conversation_id = :conversation_id
