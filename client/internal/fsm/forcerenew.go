package fsm

import "time"

// A Nonce is the secret that a server gives with a lease, to prove later that a
// FORCERENEW is its own (RFC 6704 3.1); the zero value is none.
type Nonce [16]byte

// ForceRenewKey is the nonce by which a FORCERENEW would count now, the zero Nonce
// if none would (RFC 3203 6).
func (m *Machine) ForceRenewKey() Nonce {
	if m.State() != BoundState {
		return Nonce{}
	}
	return m.nonce
}

// learn takes the nonce of an ACK. A renewal that has none changes nothing; the
// ACK to anything else does, since it may be another server's.
func (m *Machine) learn(ack Ack, renewal bool) {
	if renewal && ack.Nonce == (Nonce{}) {
		return
	}
	if ack.Nonce != m.nonce {
		m.replay = 0 // else what was made with it and sent before would count again
	}
	m.nonce, m.replay = ack.Nonce, max(m.replay, ack.Replay)
}

// forced renews the lease because its server wants that (RFC 3203 3, RFC 6704
// 3.1.3): package wire has seen that it is its server's word, and here is seen that
// it is said for the first time.
func (s bound) forced(m *Machine, now time.Time, ev ForceRenew) state {
	if m.nonce == (Nonce{}) || ev.Replay <= m.replay {
		m.ignore("FORCERENEW that was sent before")
		return s
	}
	m.replay = ev.Replay
	return m.renew(now, s.held)
}
