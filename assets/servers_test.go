package assets

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// The list is what it is said to be: names of domains, addresses of pages, and no place twice.
func TestServers(t *testing.T) {
	domain := regexp.MustCompile(`^([a-z0-9-]+\.)+[a-z]{2,}$`)
	month := regexp.MustCompile(`^20[0-9]{2}-(0[1-9]|1[0-2])$`)
	country := regexp.MustCompile(`^([A-Z]{2})?$`)
	seen, onlyWeb := map[string]bool{}, false
	for _, s := range Servers() {
		if !domain.MatchString(s.Domain) || seen[s.Domain] || !month.MatchString(s.AsOf) || !strings.HasPrefix(s.Source, "https://") || !country.MatchString(s.Country) {
			t.Errorf("%+v", s)
		}
		seen[s.Domain] = true
		if s.Web == "" {
			if onlyWeb {
				t.Errorf("%s makes accounts in the program and comes after one that does not", s.Domain)
			}
			continue
		}
		onlyWeb = true
		if u, err := url.Parse(s.Web); err != nil || u.Scheme != "https" || u.Host == "" {
			t.Errorf("%s: %q", s.Domain, s.Web)
		}
	}
	if len(seen) < 10 {
		t.Errorf("only %d servers", len(seen))
	}
}
