SELECT value FROM strings WHERE id = ?
