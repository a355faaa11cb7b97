package lease

import "net/netip"

const (
	optTFTPServerName = 66  // RFC 2132 9.4
	optBootFileName   = 67  // RFC 2132 9.5
	optTFTPServers    = 150 // RFC 5859 2
)

// TFTPServerName is option 66: the name, and in practice also the address or the
// URL, of the server of the next step of a network boot. It is printable ASCII of
// 255 octets at most, and a word of the network as ServerName is, whose place it
// takes where both are there.
func (l *Lease) TFTPServerName() string { return l.optionText(optTFTPServerName) }

// BootFileName is option 67: what that server is asked for; as TFTPServerName, and
// in the place of BootFile.
func (l *Lease) BootFileName() string { return l.optionText(optBootFileName) }

// TFTPServers is option 150: the servers that phones and others of their kind have
// their configuration from, in order, each once; nil for none.
func (l *Lease) TFTPServers() []netip.Addr { return servers(l.Options[optTFTPServers]) }
