SELECT question, answer, intent, outcome, order_reference FROM turns
WHERE actor = :actor AND conversation_id = :conversation_id
ORDER BY id DESC
LIMIT 20
