// Package peer calls the SOL003 APIs of others: those of VNFMs, and that of the NFVO upstream. It shows them who this service is, by
// credentials that the operator's file has under a name, and reads what they answer, within limits.
//
// It knows HTTP, tokens and certificates, and neither what is asked nor what follows from an answer. Secrets are read from their files
// when they are needed; they are in no error and in no log.
package peer
