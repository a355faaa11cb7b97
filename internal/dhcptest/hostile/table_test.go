package hostile

import (
	"regexp"
	"strings"
	"testing"
)

var idForm = regexp.MustCompile(`^[A-Z]{2,4}-[0-9]{2}$`)

// Each row can be read, found and played.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, g := range Table() {
		for _, r := range g.Rows {
			name := g.Title + "/" + r.Name
			if r.Name == "" || seen[name] || strings.Contains(r.Name, "/") {
				t.Errorf("the name %q is not one, or not unique", name)
			}
			seen[name] = true
			if !strings.HasSuffix(r.About, ".") || strings.Contains(r.About, "\n") {
				t.Errorf("%s: %q is no sentence", name, r.About)
			}
			for _, id := range r.IDs {
				if !idForm.MatchString(id) {
					t.Errorf("%s: id %q", name, id)
				}
			}
			if len(r.IDs) == 0 || len(r.Want) == 0 {
				t.Errorf("%s shows nothing", name)
			}
			for _, f := range []Form{Full, Brief} {
				if _, err := r.Servers(f); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			if r.Window(Brief) > r.Window(Full) {
				t.Errorf("%s takes %v in brief and %v in full", name, r.Window(Brief), r.Window(Full))
			}
		}
	}
}
