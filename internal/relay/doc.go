// Package relay is the use case of asking an NFVO upstream: a request that was decided and reserved here is forwarded to it, narrowed to
// the decision, and answered only once it has agreed. It may add to a grant and never loosen it: an answer that places a resource
// elsewhere, or leaves one out, is none. Whatever is not agreed to is given back.
//
// Nothing of the decision is made here, and no transaction is open while the NFVO is asked.
package relay
