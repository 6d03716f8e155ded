package absfake

// settings are the serverSettings. It is called with Server.mu held.
// abs: server/objects/settings/ServerSettings.js
func (s *Server) settings() object {
	o := object{
		{"id", "server-settings"},
		{"scannerFindCovers", false},
		{"scannerCoverProvider", "google"},
		{"scannerParseSubtitle", false},
		{"scannerPreferMatchedMetadata", false},
		{"scannerDisableWatcher", false},
		{"storeCoverWithItem", false},
		{"storeMetadataWithItem", false},
		{"metadataFileFormat", "json"},
		{"rateLimitLoginRequests", 10},
		{"rateLimitLoginWindow", 600000},
		{"allowIframe", false},
		{"backupPath", MetadataPath + "/backups"},
		{"backupSchedule", false},
		{"backupsToKeep", 2},
		{"maxBackupSize", 1},
		{"loggerDailyLogsToKeep", 7},
		{"loggerScannerLogsToKeep", 2},
		{"homeBookshelfView", 1},
		{"bookshelfView", 1},
		{"podcastEpisodeSchedule", "0 * * * *"},
		{"sortingIgnorePrefix", false},
		{"sortingPrefixes", []string{"the", "a"}},
		{"chromecastEnabled", false},
		{"dateFormat", "MM/dd/yyyy"},
		{"timeFormat", "HH:mm"},
		{"language", "en-us"},
	}
	if s.facts.allowedOrigins {
		o = append(o, pair{"allowedOrigins", []string{}})
	}
	o = append(o, object{
		{"logLevel", 2},
		{"version", string(s.facts.release)},
		{"buildNumber", 1},
	}...)
	o = append(o, s.auth.forBrowser()...)
	if s.facts.timeZone {
		o = append(o, pair{"timeZone", "UTC"})
	}
	return o
}
