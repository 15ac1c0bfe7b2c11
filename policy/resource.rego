# SPDX-License-Identifier: Apache-2.0
#
# The shipped resource policy. A resource is released when the primary device is affirmed in what it runs, what it runs
# on and how that is configured, when nothing insecure takes part, and when every other device is affirming.
# `input` is the token's claims; `data` is {"plugin", "resource-path", "query"}.

package policy

import rego.v1

default allow := false

allow if {
	data.plugin == "resource"
	every name in ["executables", "hardware", "configuration"] {
		is_affirmed(input.submods.cpu0["ear.trustworthiness-vector"][name])
	}
	has_evidence
	not something_is_insecure
	not another_is_not_affirming
}

has_evidence if {
	evidence := input.submods.cpu0["ear.veraison.annotated-evidence"]
	is_object(evidence)
	count(evidence) > 0
}

# Unset, or set to "no claim" (-1, 0, 1), counts as affirming in a token's status. Here it does not.
is_affirmed(claim) if {
	is_number(claim)
	claim >= 2
	claim <= 31
}

another_is_not_affirming if {
	some name, submodule in input.submods
	name != "cpu0"
	not submodule["ear.status"] == "affirming"
}

# Evidence that proves nothing: marked so by this service, or from a sample attester under any service.
something_is_insecure if {
	some submodule in input.submods
	some tee, claims in submodule["ear.veraison.annotated-evidence"]
	is_insecure(tee, claims)
}

is_insecure(tee, _) if tee in {"sample", "sampledevice"}

is_insecure("trustee.insecure", mark) if mark != false

is_insecure(_, claims) if claims["trustee.insecure"] != false
