// Package httpapi is all of HTTP: routes, validation against the contract, the conventions of SOL013, problem
// documents, and the conversion between wire and domain types.
//
// Handlers return a success value or an error; one place turns errors into problem documents. The package
// imports the use cases and never the database, the solver, the fleet or the policy engine.
package httpapi
