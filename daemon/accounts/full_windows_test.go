package accounts

func prepareChild(string) error { return nil }
