DELETE FROM strings WHERE id = ?
