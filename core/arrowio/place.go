package arrowio

import "strings"

// place is where in a schema a field stands. It becomes text only in an error: names may be long and many.
type place struct {
	parent *place
	name   string
}

// maxPlace is the bytes of a place that an error shows.
const maxPlace = 512

// String is the names from the column down, with dots between.
func (p *place) String() string {
	var names []string
	for ; p != nil; p = p.parent {
		if p.name != "" || p.parent == nil {
			names = append([]string{p.name[:min(len(p.name), maxPlace)]}, names...)
		}
	}
	text := strings.Join(names, ".")
	if len(text) > maxPlace {
		text = strings.ToValidUTF8(text[:maxPlace], "") + "..."
	}
	return text
}

// child is the place of a child, or of a dictionary's values.
func (p *place) child(name string) *place { return &place{p, name} }
