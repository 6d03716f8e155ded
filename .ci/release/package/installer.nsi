; The installer for one user: no administrator is asked.
Unicode true
ManifestDPIAware true
RequestExecutionLevel user
SetCompressor /SOLID lzma
Name "Shelfkeeper"
OutFile "${OUT}"
InstallDir "$LOCALAPPDATA\Programs\Shelfkeeper"
InstallDirRegKey HKCU "Software\Shelfkeeper" "InstallDir"
Icon "shelfkeeper.ico"
UninstallIcon "shelfkeeper.ico"
VIProductVersion "${NUMBERS}"
VIAddVersionKey "ProductName" "Shelfkeeper"
VIAddVersionKey "FileDescription" "Shelfkeeper installer"
VIAddVersionKey "FileVersion" "${VERSION}"
VIAddVersionKey "ProductVersion" "${VERSION}"
VIAddVersionKey "LegalCopyright" "The Shelfkeeper authors, MIT licence"

!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\Shelfkeeper"

Page license
Page components
Page directory
Page instfiles
UninstPage uninstConfirm
UninstPage instfiles
LicenseData "LICENSES.txt"

Section "Shelfkeeper"
  SectionIn RO
  ; A daemon that runs holds its file. It ends in order, and starts again below.
  IfFileExists "$INSTDIR\shelfkeeper.exe" 0 +2
  nsExec::Exec '"$INSTDIR\shelfkeeper.exe" quit'
  SetOutPath "$INSTDIR"
  File "shelfkeeper.exe"
  File "shelfkeeperw.exe"
  File "shelfkeeper.ico"
  File "LICENSES.txt"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  CreateDirectory "$SMPROGRAMS\Shelfkeeper"
  CreateShortcut "$SMPROGRAMS\Shelfkeeper\Shelfkeeper.lnk" "$INSTDIR\shelfkeeperw.exe" 'run --show' "$INSTDIR\shelfkeeper.ico"
  CreateShortcut "$SMPROGRAMS\Shelfkeeper\Uninstall Shelfkeeper.lnk" "$INSTDIR\uninstall.exe"
  WriteRegStr HKCU "Software\Shelfkeeper" "InstallDir" "$INSTDIR"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayName" "Shelfkeeper"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${UNINSTALL}" "Publisher" "The Shelfkeeper authors"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayIcon" "$INSTDIR\shelfkeeper.ico"
  WriteRegStr HKCU "${UNINSTALL}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKCU "${UNINSTALL}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKCU "${UNINSTALL}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKCU "${UNINSTALL}" "NoModify" 1
  WriteRegDWORD HKCU "${UNINSTALL}" "NoRepair" 1
SectionEnd

Section /o "Start at login"
  nsExec::Exec '"$INSTDIR\shelfkeeper.exe" autostart on'
SectionEnd

Section "Uninstall"
  ; Secrets and settings stay, unless `shelfkeeper uninstall --forget` took them.
  nsExec::Exec '"$INSTDIR\shelfkeeper.exe" autostart off'
  nsExec::Exec '"$INSTDIR\shelfkeeper.exe" quit'
  Delete "$INSTDIR\shelfkeeper.exe"
  Delete "$INSTDIR\shelfkeeperw.exe"
  Delete "$INSTDIR\shelfkeeper.ico"
  Delete "$INSTDIR\LICENSES.txt"
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
  Delete "$SMPROGRAMS\Shelfkeeper\Shelfkeeper.lnk"
  Delete "$SMPROGRAMS\Shelfkeeper\Uninstall Shelfkeeper.lnk"
  RMDir "$SMPROGRAMS\Shelfkeeper"
  DeleteRegKey HKCU "${UNINSTALL}"
  DeleteRegKey HKCU "Software\Shelfkeeper"
SectionEnd
