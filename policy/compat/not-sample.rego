# SPDX-License-Identifier: Apache-2.0
#
# INSECURE. Releases every resource to any genuine TEE, whatever software it runs: all that it asks is that the primary
# evidence is not of the sample attester.

package policy

import rego.v1

default allow := false

allow if {
	data.plugin == "resource"
	not input.submods.cpu0["ear.veraison.annotated-evidence"].sample
}
