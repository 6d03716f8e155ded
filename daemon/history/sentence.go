package history

import (
	"fmt"
	"time"
)

// moment formats t for people, in this machine's time zone.
func moment(t time.Time) string { return t.Local().Format("2 January 2006 15:04") }

func (k *lossCase) server() string {
	if k.release.Version == "" {
		return "Audiobookshelf"
	}
	return "Audiobookshelf " + k.release.Version
}

func (k *lossCase) gateway() Diagnosis {
	text := "something between here and the server removes the x-refresh-token header since " + moment(k.At)
	if !k.lastGood.IsZero() {
		text += "; renewals worked until " + moment(k.lastGood)
	}
	return Diagnosis{Cause: Gateway, Certain: true, Sentence: text, Remedy: Gateway.remedy()}
}

// idle separates two reasons for a session that ran out. While the program
// runs it tries at least every hour; a longer silence means that it did not run.
const idle = 2 * time.Hour

func (k *lossCase) ranOut() Diagnosis {
	d := Diagnosis{Cause: RanOut, Certain: true, Remedy: RanOut.remedy()}
	end := "a session that is not renewed ends by itself"
	if !k.Ends.IsZero() {
		end = fmt.Sprintf("a session that is not renewed ends by itself, this one on %s", moment(k.Ends))
	}
	tried := k.lastGood
	for _, e := range k.before {
		if e.Kind == Refresh && e.last().After(tried) {
			tried = e.last()
		}
	}
	switch {
	case !k.Ends.IsZero() && k.At.Add(idle).Before(k.Ends):
		d.Certain = false
		d.Sentence = fmt.Sprintf("%s says that the session has ended, but it should last until %s: the server's clock may be wrong, or "+
			"was wrong for a while",
			k.server(), moment(k.Ends))
	case tried.IsZero():
		d.Certain = false
		d.Sentence = "Shelfkeeper did not run for too long: " + end
	case tried.After(k.lastGood) && k.Ends.Sub(tried) < idle:
		d.Sentence = fmt.Sprintf("the server could not be asked from %s on: %s", moment(k.lastGood), end)
	default:
		d.Sentence = fmt.Sprintf("Shelfkeeper did not run, or this machine was off, from %s on: %s", moment(tried), end)
	}
	return d
}

func (k *lossCase) serverReplaced() Diagnosis {
	d := Diagnosis{Cause: ServerReplaced, Certain: true, Remedy: ServerReplaced.remedy()}
	if k.otherUser || k.passwordRefused {
		d.Remedy = atHome + "If the server's admin says that it was set up anew, " + signIn
	}
	d.Sentence = k.server() + " no longer accepts the tokens that it issued: its database or signing key was replaced, " +
		"this user was deleted there, or another server answers at this address"
	if k.otherUser {
		d.Sentence = "the user of that name is another one now: the server's database was replaced, or another server answers at this " +
			"address"
	}
	return d
}

func (k *lossCase) renamed() Diagnosis {
	return Diagnosis{Cause: Renamed, Certain: true,
		Sentence: fmt.Sprintf("this user is called %q on the server now, and a new name ends every session", k.name),
		Remedy:   Renamed.remedy()}
}

func (k *lossCase) vaultRestored() Diagnosis {
	return Diagnosis{Cause: VaultRestored, Certain: true,
		Sentence: fmt.Sprintf("the stored session of %s is older than the one renewed here on %s: "+
			"the vault was restored from a backup, or a copy of it is in use elsewhere", moment(k.Issued), moment(k.newest)),
		Remedy: VaultRestored.remedy()}
}

func (k *lossCase) notWritten() Diagnosis {
	return Diagnosis{Cause: DiskFull, Certain: true,
		Sentence: fmt.Sprintf("the token of %s could not be written to disk (%s), and was lost when Shelfkeeper ended",
			moment(k.unwritten.At), k.unwritten.Evidence),
		Remedy: DiskFull.remedy()}
}

func (k *lossCase) lostAnswer() Diagnosis {
	d := Diagnosis{Cause: LostAnswer, Remedy: LostAnswer.remedy()}
	d.Sentence = fmt.Sprintf("the server's answer to the renewal of %s was lost on its way (%s)",
		moment(k.unanswered.At), k.unanswered.Evidence)
	if k.release.Grace == 0 {
		d.Certain = true
		d.Sentence += fmt.Sprintf(", and %s repeats no answer; 2.35.0 and newer do", k.server())
		return d
	}
	d.Sentence += fmt.Sprintf(", and %s repeats it only for a while", k.server())
	return d
}

func (k *lossCase) interrupted() Diagnosis {
	d := Diagnosis{Cause: Interrupted, Remedy: Interrupted.remedy(),
		Sentence: "Shelfkeeper or this machine was stopped in the middle of a renewal"}
	if k.release.Grace == 0 {
		d.Sentence += fmt.Sprintf(", and %s repeats no answer; 2.35.0 and newer do", k.server())
	} else {
		d.Sentence += fmt.Sprintf(", and started again when %s no longer repeated the answer", k.server())
	}
	return d
}

func (k *lossCase) collision(with string) Diagnosis {
	return Diagnosis{Cause: Collision, Certain: true,
		Sentence: fmt.Sprintf("%s got the same token in the same second (%s does that until 2.35.1), and its end or renewal ended this one",
			with, k.server()),
		Remedy: Collision.remedy()}
}

func (k *lossCase) passwordChanged() Diagnosis {
	d := Diagnosis{Cause: PasswordChange, Certain: k.tokenAnswer == StillAccepted && k.release.PasswordEnds, Remedy: PasswordChange.remedy()}
	switch {
	case k.release.PasswordEnds:
		d.Sentence = fmt.Sprintf("the password was changed on the server, which ends every session from 2.36.0 on (this is %s)",
			k.release.Version)
		if k.release.Version == "" {
			d.Sentence = "the password was changed on the server, which ends every session from 2.36.0 on"
		}
	case k.tokenAnswer == StillAccepted:
		d.Sentence = "an admin ended the session and changed the password"
	default:
		d.Cause = Renamed
		d.Sentence = fmt.Sprintf("the user was renamed, or an admin ended the session and changed the password: "+
			"%s refuses both the session and the stored password", k.server())
		d.Remedy = "run `shelfkeeper login` with the present name and password"
	}
	return d
}

func (k *lossCase) serverRestored() Diagnosis {
	return Diagnosis{Cause: ServerRestored,
		Sentence: "every account on this server lost its session at once: its database was probably restored from a backup",
		Remedy:   ServerRestored.remedy()}
}

func (k *lossCase) usedElsewhere() Diagnosis {
	return Diagnosis{Cause: UsedElsewhere,
		Sentence: "the server still has this session, but another token: a copy of this vault is in use elsewhere and renewed it",
		Remedy:   UsedElsewhere.remedy()}
}

func (k *lossCase) elsewhere() Diagnosis {
	d := Diagnosis{Cause: Elsewhere, Remedy: Elsewhere.remedy()}
	switch {
	case k.row == Gone:
		d.Certain = true
		d.Sentence = "the session was ended on the server: by `log out everywhere`, by an admin, or by a new password"
	case k.release.PasswordEnds:
		d.Sentence = "the session was ended elsewhere: by `log out everywhere`, by an admin, by a new password, " +
			"or by a copy of this vault on another machine"
	case k.tokenAnswer == StillAccepted:
		d.Sentence = fmt.Sprintf("the session was ended elsewhere: by an admin, by a restored database, "+
			"or by a copy of this vault on another machine (%s tells no more)", k.server())
	default:
		d.Sentence = fmt.Sprintf("the session was ended elsewhere: by a new user name, by an admin, by a restored database, "+
			"or by a copy of this vault on another machine (%s tells no more)", k.server())
	}
	return d
}
