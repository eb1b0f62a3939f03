package sqltype

import "strings"

// DefaultCollation is the collation that type texts do not name (StringType's default).
const DefaultCollation = "UTF8_BINARY"

// locales are those that Spark has collations for, in the spelling of CollationFactory: what "SELECT NAME FROM
// collations()" of Spark 4.3 lists, without specifiers.
const locales = `
af am ar ar_SAU as az be bg blo bn bo br bs bs_Cyrl ca ceb chr cs cy da de de_AUT dsb dz ee el en en_USA eo es
et fa fa_AFG ff ff_Adlm fi fil fo fr fr_CAN fy ga gl gu ha haw he he_ISR hi hr hsb hu hy id id_IDN ig is it ja
ka kk kk_Arab kl km kn ko kok ku ky lb lij lkt ln lo lt lv mk ml mn mr ms mt my nb nb_NOR ne nl nn no nso om or
pa pa_Guru pa_Guru_IND pl ps pt ro ru sa se si sk sl smn sq sr sr_Cyrl sr_Cyrl_BIH sr_Cyrl_MNE sr_Cyrl_SRB
sr_Latn sr_Latn_BIH sr_Latn_SRB st sv sw ta te th tk tn to tr ug uk ur uz vi wae wo xh yi yo zh zh_Hans
zh_Hans_CHN zh_Hans_SGP zh_Hant zh_Hant_HKG zh_Hant_MAC zh_Hant_TWN zu
UNICODE UTF8_BINARY UTF8_LCASE`

// locale is the spelling of a locale given in any case.
var locale = func() map[string]string {
	known := map[string]string{}
	for _, name := range strings.Fields(locales) {
		known[fold(name)] = name
	}
	return known
}()

// specifiers of collations: what each is about, and how it is written, "" being the default. UTF8 collations have
// only rtrim.
var specifiers = map[string]struct {
	about   int
	written string
}{
	"cs": {0, ""}, "ci": {0, "_CI"}, "as": {1, ""}, "ai": {1, "_AI"}, "rtrim": {2, "_RTRIM"},
}

// collationName is the name that Spark's CollationFactory gives a collation named in any case and order of specifiers.
func collationName(name string) (string, bool) {
	// The longest locale that the name begins with: "sr_latn_bih_ci" is none of "sr".
	base := fold(name)
	for locale[base] == "" {
		cut := strings.LastIndexByte(base, '_')
		if cut < 0 {
			return "", false
		}
		base = base[:cut]
	}
	var written [3]string
	var given [3]bool
	rest := strings.Split(fold(name)[len(base):], "_")
	for _, specifier := range rest[1:] {
		s, ok := specifiers[specifier]
		if !ok || given[s.about] || s.about < 2 && strings.HasPrefix(base, "utf8") {
			return "", false
		}
		given[s.about], written[s.about] = true, s.written
	}
	return locale[base] + strings.Join(written[:], ""), true
}

// collation reads [COLLATE name], the name with or without its catalog and schema.
func (p *parser) collation() (string, *problem) {
	if !p.acceptWord("collate") {
		return "", nil
	}
	at := p.peek().at
	parts, err := p.multipartName("collation after COLLATE")
	if err != nil {
		return "", err
	}
	if len(parts) == 3 && fold(parts[0]) == "system" && fold(parts[1]) == "builtin" {
		parts = parts[2:]
	}
	if len(parts) == 1 {
		if name, ok := collationName(parts[0]); ok {
			return name, nil
		}
	}
	return "", problemAt(at, "unknown collation %q: expected UTF8_BINARY or UTF8_LCASE (with _RTRIM or not), "+
		"UNICODE or a locale such as de or en_USA (with _CI, _AI and _RTRIM or not)", strings.Join(parts, "."))
}
