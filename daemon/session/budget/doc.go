// Package budget keeps requests to a server's sign-in routes below the server's
// own limit, for all accounts and processes of this machine together.
//
// A request is counted durably before it is sent. Accounts of one user take
// turns where the server would give two of them the same token.
//
// It never sends a request that was not counted, and never judges an answer.
package budget
