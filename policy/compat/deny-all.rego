# SPDX-License-Identifier: Apache-2.0
#
# Releases nothing.

package policy

import rego.v1

default allow := false
