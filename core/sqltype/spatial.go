package sqltype

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// AnySRID is the SRID of a spatial type whose values each have their own (SpatialType.MIXED_SRID).
const AnySRID = -1

// anySystem and algorithm are what JSON calls AnySRID, and the only algorithm of geographies.
const (
	anySystem = "SRID:ANY"
	algorithm = "SPHERICAL"
)

// systems are the spatial reference systems that PySpark knows (SpatialReferenceSystemCache). Spark knows more, but
// PySpark cannot read types with them.
var systems = map[int]string{0: "SRID:0", 3857: "EPSG:3857", 4326: geographic}

// geographic is the only system on a sphere, and the default of JSON.
const geographic = "OGC:CRS84"

// spatialType is the type of a system.
func spatialType(kind Kind, system string) (Type, bool) {
	if strings.EqualFold(system, anySystem) {
		return Type{Kind: kind, SRID: AnySRID}, true
	}
	for srid, name := range systems {
		if name == system && (kind == Geometry || name == geographic) {
			return Type{Kind: kind, SRID: srid}, true
		}
	}
	return Type{}, false
}

func (t Type) system() string {
	if t.SRID == AnySRID {
		return anySystem
	}
	return systems[t.SRID]
}

// spatial reads the "(srid)" or "(any)" of GEOMETRY and GEOGRAPHY.
func (p *parser) spatial(of token) (Type, *problem) {
	kind, allowed := Geometry, "0, 3857, 4326 or any"
	if fold(of.text) == "geography" {
		kind, allowed = Geography, "4326 or any"
	}
	if err := p.expect("(", "after "+of.text+", as in "+of.text+"(4326)"); err != nil {
		return Type{}, err
	}
	srid := p.take()
	system := anySystem
	if !srid.keyword("any") {
		n, err := strconv.Atoi(srid.text)
		if err != nil || srid.kind != word {
			n = AnySRID
		}
		system = systems[n]
	}
	t, ok := spatialType(kind, system)
	if !ok {
		return Type{}, problemAt(srid.at, "expected %s in %s(...), found %v", allowed, of.text, srid)
	}
	return t, p.expect(")", "after the SRID of "+of.text)
}

var jsonSpatial = regexp.MustCompile(`^(geometry|geography)(?:\(\s*(\w+:-?\w+)?(?:\s*,\s*)?(\w+)?\s*\))?$`)

// jsonSpatialType reads "geometry(OGC:CRS84)" and "geography(OGC:CRS84, SPHERICAL)", of which PySpark takes parts too;
// ok is whether s is of that form.
func jsonSpatialType(s string) (t Type, ok bool, err error) {
	m := jsonSpatial.FindStringSubmatch(s)
	if m == nil || m[1] == "geometry" && (m[3] != "" || m[2] == "" && s != "geometry") {
		return Type{}, false, nil
	}
	kind, system := Geometry, m[2]
	if m[1] == "geography" {
		kind = Geography
	}
	if system == "" {
		system = geographic
	}
	t, ok = spatialType(kind, system)
	if !ok || m[3] != "" && m[3] != algorithm {
		return Type{}, true, fmt.Errorf(
			"%s: expected a coordinate reference system that PySpark knows, and no algorithm but %s", s, algorithm)
	}
	return t, true, nil
}
