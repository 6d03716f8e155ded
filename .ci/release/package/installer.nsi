; The installer for one user: no administrator is asked.
;   setup.exe /S [/AUTOSTART] [/D=C:\a folder]   installs without a question
;   uninstall.exe /S [/FORGET]                   removes without one
Unicode true
; The program is one of 64 bits, and so is its installer.
Target amd64-unicode
ManifestDPIAware true
ManifestLongPathAware true
RequestExecutionLevel user
SetCompressor /SOLID lzma

!include "MUI2.nsh"
!include "FileFunc.nsh"
!include "LogicLib.nsh"
!include "Sections.nsh"

Name "Shelfkeeper"
OutFile "${OUT}"
InstallDir "$LOCALAPPDATA\Programs\Shelfkeeper"
InstallDirRegKey HKCU "Software\Shelfkeeper" "InstallDir"
VIProductVersion "${NUMBERS}"
VIAddVersionKey "ProductName" "Shelfkeeper"
VIAddVersionKey "FileDescription" "Shelfkeeper installer"
VIAddVersionKey "FileVersion" "${VERSION}"
VIAddVersionKey "ProductVersion" "${VERSION}"
VIAddVersionKey "LegalCopyright" "The Shelfkeeper authors, MIT licence"

!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\Shelfkeeper"
!define RUN "Software\Microsoft\Windows\CurrentVersion\Run"
!define MUI_ICON "shelfkeeper.ico"
!define MUI_UNICON "shelfkeeper.ico"
!define MUI_FINISHPAGE_RUN "$INSTDIR\shelfkeeperw.exe"
!define MUI_FINISHPAGE_RUN_PARAMETERS "run --show"

!insertmacro MUI_PAGE_LICENSE "LICENSES.txt"
!insertmacro MUI_PAGE_COMPONENTS
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "English"

Var ran ; "0": a daemon ran, and ended in order

; An end of the daemon that was asked for is over when its files can be written:
; its process and its icon live on for a moment.
!macro Await un
Function ${un}Await
  StrCpy $1 0
  ${While} $1 < 60
    ClearErrors
    ${IfNot} ${FileExists} "$INSTDIR\shelfkeeperw.exe"
      ${ExitWhile}
    ${EndIf}
    FileOpen $0 "$INSTDIR\shelfkeeperw.exe" a
    ${IfNot} ${Errors}
      FileClose $0
      FileOpen $0 "$INSTDIR\shelfkeeper.exe" a
      ${IfNot} ${Errors}
        FileClose $0
        ${ExitWhile}
      ${EndIf}
    ${EndIf}
    Sleep 250
    IntOp $1 $1 + 1
  ${EndWhile}
FunctionEnd
!macroend
!insertmacro Await ""
!insertmacro Await "un."

Section "Shelfkeeper" program
  SectionIn RO
  ; A daemon that runs holds its file. It ends in order, and starts again below.
  StrCpy $ran ""
  ${If} ${FileExists} "$INSTDIR\shelfkeeper.exe"
    nsExec::ExecToLog '"$INSTDIR\shelfkeeper.exe" quit'
    Pop $ran
    Call Await
  ${EndIf}
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

Section /o "Start at login" login
  nsExec::ExecToLog '"$INSTDIR\shelfkeeper.exe" autostart on'
  Pop $0
  ${If} $0 != 0
    SetErrorLevel 3
    MessageBox MB_OK|MB_ICONEXCLAMATION "Shelfkeeper is installed, but Windows will not start it at login: see the details of the installation." /SD IDOK
  ${EndIf}
SectionEnd

Section -after
  ${IfNot} ${SectionIsSelected} ${login}
    DeleteRegValue HKCU "${RUN}" "Shelfkeeper"
  ${EndIf}
  ${If} $ran == "0"
    Exec '"$INSTDIR\shelfkeeperw.exe" run'
  ${EndIf}
SectionEnd

; The choice of an earlier installation holds, until another is made.
Function .onInit
  ReadRegStr $0 HKCU "${RUN}" "Shelfkeeper"
  ${If} $0 != ""
    !insertmacro SelectSection ${login}
  ${EndIf}
  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "/AUTOSTART" $1
  ${IfNot} ${Errors}
    !insertmacro SelectSection ${login}
  ${EndIf}
FunctionEnd

LangString DESC_program ${LANG_ENGLISH} "The program, and its entries in the Start menu."
LangString DESC_login ${LANG_ENGLISH} "Shelfkeeper starts when you sign in to Windows."
!insertmacro MUI_FUNCTION_DESCRIPTION_BEGIN
  !insertmacro MUI_DESCRIPTION_TEXT ${program} $(DESC_program)
  !insertmacro MUI_DESCRIPTION_TEXT ${login} $(DESC_login)
!insertmacro MUI_FUNCTION_DESCRIPTION_END

Section "Uninstall"
  ; The program knows what it has written, and ends the daemon first.
  StrCpy $2 ""
  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "/FORGET" $1
  ${IfNot} ${Errors}
    StrCpy $2 " --forget"
  ${Else}
    MessageBox MB_YESNO|MB_ICONQUESTION|MB_DEFBUTTON2 "Sign out every account, and erase its sessions, passwords and settings on this computer?$\n$\nWith No they stay for a later installation." /SD IDNO IDNO keep
    StrCpy $2 " --forget"
    keep:
  ${EndIf}
  nsExec::ExecToLog '"$INSTDIR\shelfkeeper.exe" uninstall --yes$2'
  Pop $0
  ${If} $0 != 0
    SetErrorLevel 3
    MessageBox MB_OK|MB_ICONEXCLAMATION "Not everything that Shelfkeeper has written could be removed: see the details." /SD IDOK
  ${EndIf}
  Call un.Await
  Delete "$INSTDIR\shelfkeeper.exe"
  Delete "$INSTDIR\shelfkeeperw.exe"
  Delete "$INSTDIR\shelfkeeper.ico"
  Delete "$INSTDIR\LICENSES.txt"
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
  Delete "$SMPROGRAMS\Shelfkeeper\Shelfkeeper.lnk"
  Delete "$SMPROGRAMS\Shelfkeeper\Uninstall Shelfkeeper.lnk"
  RMDir "$SMPROGRAMS\Shelfkeeper"
  DeleteRegValue HKCU "${RUN}" "Shelfkeeper"
  DeleteRegKey HKCU "${UNINSTALL}"
  DeleteRegKey HKCU "Software\Shelfkeeper"
SectionEnd
