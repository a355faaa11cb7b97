package servers

import (
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const keaDB = "kea-leases4.csv"

// keaEnv keeps Kea's files here, and lets newer versions accept that.
func keaEnv(dir string) []string {
	return []string{
		"KEA_PIDFILE_DIR=" + dir, "KEA_LOCKFILE_DIR=" + dir,
		"KEA_DHCP_DATA_DIR=" + dir, "KEA_LOG_FILE_DIR=" + dir,
	}
}

type object = map[string]any

func keaConfigure(dir string, o Options) ([]string, error) {
	subnet := object{
		"id": 1, "subnet": o.ServerAddr.Masked().String(),
		"pools": []object{{"pool": fmt.Sprintf("%v - %v", o.PoolFirst, o.PoolLast)}},
	}
	var reserved []object
	for mac, addr := range o.Reserved {
		reserved = append(reserved, object{"hw-address": mac, "ip-address": addr.String()})
	}
	if reserved != nil {
		subnet["reservations"] = reserved
	}
	for _, extra := range o.Extra {
		if err := json.Unmarshal([]byte("{"+extra+"}"), &subnet); err != nil {
			return nil, fmt.Errorf("%q is not a JSON member: %w", extra, err)
		}
	}
	lease := int(o.Lease / time.Second)
	dhcp4 := object{
		"interfaces-config": object{"interfaces": []string{o.Interface}, "dhcp-socket-type": "raw"},
		"lease-database": object{
			"type": "memfile", "persist": true, "name": filepath.Join(dir, keaDB), "lfc-interval": 0,
		},
		// A lease that was released is deleted, not kept for its owner.
		"expired-leases-processing": object{"hold-reclaimed-time": 0, "reclaim-timer-wait-time": 1},
		"valid-lifetime":            lease, "min-valid-lifetime": lease, "max-valid-lifetime": lease,
		"authoritative": true,
		"option-data":   keaOptions(o),
		"subnet4":       []object{subnet},
		"loggers": []object{{
			"name": "kea-dhcp4", "severity": "INFO",
			"output_options": []object{{"output": "stdout", "flush": true}},
		}},
	}
	if o.T1 != 0 {
		dhcp4["renew-timer"] = int(o.T1 / time.Second)
	}
	if o.T2 != 0 {
		dhcp4["rebind-timer"] = int(o.T2 / time.Second)
	}
	b, err := json.MarshalIndent(object{"Dhcp4": dhcp4}, "", "  ")
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "kea.json")
	return []string{"-c", conf}, os.WriteFile(conf, b, 0o644)
}

func keaOptions(o Options) []object {
	options := []object{}
	add := func(name, data string) { options = append(options, object{"name": name, "data": data}) }
	if o.Router.IsValid() {
		add("routers", o.Router.String())
	}
	if len(o.DNS) != 0 {
		add("domain-name-servers", join(o.DNS))
	}
	if o.Domain != "" {
		add("domain-name", o.Domain)
	}
	if o.MTU != 0 {
		add("interface-mtu", strconv.Itoa(o.MTU))
	}
	return options
}

// keaStates are the numbers in the database.
var keaStates = map[string]string{"0": "default", "1": "declined", "2": "expired-reclaimed", "3": "released"}

// keaLeases reads a log of rows in which the last word on an address holds; a
// lifetime of 0 deletes.
func keaLeases(dir string) (map[netip.Addr]LeaseInfo, error) {
	f, err := os.Open(filepath.Join(dir, keaDB))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord = -1
	leases := map[netip.Addr]LeaseInfo{}
	for {
		// address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state
		row, err := r.Read()
		if err != nil {
			return leases, nil // the end, or a row that is being written
		}
		if len(row) < 10 {
			continue
		}
		addr, err := netip.ParseAddr(row[0])
		if err != nil {
			continue // the header
		}
		l := LeaseInfo{State: keaStates[row[9]], Hostname: row[8], Expires: epoch(row[4])}
		l.Active = row[9] == "0" && row[3] != "0"
		if row[3] == "0" {
			l.State = "deleted"
		}
		l.MAC, _ = net.ParseMAC(row[1])
		l.ClientID, _ = hex.DecodeString(strings.ReplaceAll(row[2], ":", ""))
		leases[addr] = l
	}
}
