// Package pyspark has the PySpark minor versions that the library knows, in their order.
//
// It is internal to udfrunner: programs use include/udfrunner.h.
package pyspark

import (
	"strconv"
	"strings"
)

// Minor is a PySpark minor version. Later ones are greater.
type Minor uint8

// The known minors, oldest first.
const (
	V35 Minor = iota
	V40
	V41
	V42
	V43
	end
)

var names = [end]string{V35: "3.5", V40: "4.0", V41: "4.1", V42: "4.2", V43: "4.3"}

// Newest is the newest known minor.
const Newest = end - 1

// String is the minor as in "4.2".
func (m Minor) String() string { return names[m] }

// Minors are the names of the known minors, oldest first.
func Minors() []string {
	list := names
	return list[:]
}

// Relation says how a version stands to the known minors.
type Relation uint8

// Relations of versions to the known minors.
const (
	Malformed Relation = iota // not of the form major.minor
	Unknown                   // older than the newest, and none of them
	Known
	Newer // than the newest
)

// Parse reads a version such as "4.2", "4.2.1" or "4.3.0.dev0". A newer minor than the newest is taken for that, all
// others that are not known for the oldest.
func Parse(version string) (Minor, Relation) {
	major, minor, ok := numbers(version)
	if !ok {
		return V35, Malformed
	}
	for m, name := range names {
		if knownMajor, knownMinor, _ := numbers(name); major == knownMajor && minor == knownMinor {
			return Minor(m), Known
		}
	}
	newestMajor, newestMinor, _ := numbers(names[Newest])
	if major > newestMajor || major == newestMajor && minor > newestMinor {
		return Newest, Newer
	}
	return V35, Unknown
}

// Name is the minor that a version names, as in "4.2", or all of the version where it names none.
func Name(version string) string {
	if parts := strings.SplitN(version, ".", 3); len(parts) > 1 {
		return parts[0] + "." + parts[1]
	}
	return version
}

func numbers(version string) (major, minor uint64, ok bool) {
	first, rest, _ := strings.Cut(version, ".")
	second, _, _ := strings.Cut(rest, ".")
	major, err1 := strconv.ParseUint(first, 10, 16)
	minor, err2 := strconv.ParseUint(second, 10, 16)
	return major, minor, err1 == nil && err2 == nil
}
