/* SPDX-License-Identifier: Apache-2.0
 *
 * Intel's signed statements about platforms and quoting enclaves, and what they say of one. "Intel SGX and TDX
 * Provisioning Certification Service" API, version 4.
 *
 * What an object here holds has been proved by signatures up to a trusted root. Nothing here reads a clock: time and
 * revocation are judged by the caller, each time.
 */
#ifndef LIB_DCAP_COLLATERAL_H
#define LIB_DCAP_COLLATERAL_H

#include "lib/base/arena.h"
#include "lib/dcap/pck.h"
#include "lib/dcap/quote.h"
#include "lib/x509/x509.h"

/* Statuses of a TCB level; the order is not a ranking. */
enum tcb_status {
    TCB_UP_TO_DATE,
    TCB_SW_HARDENING_NEEDED,
    TCB_CONFIGURATION_NEEDED,
    TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED,
    TCB_OUT_OF_DATE,
    TCB_OUT_OF_DATE_CONFIGURATION_NEEDED,
    TCB_RELAUNCH_ADVISED,
    TCB_RELAUNCH_ADVISED_CONFIGURATION_NEEDED,
    TCB_REVOKED,
    TCB_STATUS_COUNT,
};
/* As Intel writes it ("UpToDate", "TDRelaunchAdvised", …). */
slice tcb_status_name(enum tcb_status s);
bool tcb_status_from(slice name, enum tcb_status *out);

#define LEVEL_ADVISORIES_MAX 64                   /* of one level */
#define ADVISORIES_MAX (3 * LEVEL_ADVISORIES_MAX) /* platform, QE and module together */

/* One level's verdict. Views into the object that gave it. */
struct tcb_verdict {
    enum tcb_status status;
    int64_t tcb_date; /* Unix seconds */
    size_t advisory_count;
    slice advisories[ADVISORIES_MAX]; /* "INTEL-SA-00615", … */
};

/* What TCB info and QE identity have in common. */
struct dcap_statement {
    int64_t issued, next_update;    /* Unix seconds */
    uint64_t evaluation_number;     /* tcbEvaluationDataNumber */
    const struct x509_path *signer; /* the chain that signed it: judge its time and revocation */
};

/* --- the key that signs them ---
 * Its chain, whose signatures hold: a TCB signing leaf below a trusted root. Below Intel's own root only "Intel SGX TCB
 * Signing", issued by the root itself; below others any leaf that is no PCK certificate. Immutable and counted: every
 * statement holds the one that it was verified by, and any number of threads may use one. */
struct tcb_signer;
/* PEM, leaf first. DCAP_COLLATERAL_CHAIN, those of x509_path_new(); NO_MEMORY (also where `scratch`, which is used only
 * during the call, is too small: the chain's size and 16 KiB are enough), CRYPTO. */
MUST_CHECK result tcb_signer_new(const struct x509_trust *trust, slice chain, struct arena *scratch,
                                 struct tcb_signer **out);
void tcb_signer_release(struct tcb_signer *s); /* NULL is fine */

/* --- TCB info, versions 2 (SGX) and 3 --- */
struct tcb_info;
/* Takes the service's answer {"tcbInfo":…,"signature":"hex"} and the signing chain in PEM, leaf first. The signature is
 * verified over the verbatim bytes of the member "tcbInfo"; every member is required as its version has it, levels are
 * put in order (components, PCESVN, TDX components; highest first) and may not stand twice. One block of memory besides
 * the chain's. `scratch` is used only during the call; 9 times the answer and 64 KiB are enough.
 * DCAP_COLLATERAL_FORM, DCAP_COLLATERAL_SIGNATURE, those of tcb_signer_new(); NO_MEMORY (also where `scratch` is too
 * small), CRYPTO. */
MUST_CHECK result tcb_info_new(const struct x509_trust *trust, slice answer, slice chain, struct arena *scratch,
                               struct tcb_info **out);
/* The same by a signer that is known; the caller's own hold on it stays. */
MUST_CHECK result tcb_info_new_by(struct tcb_signer *signer, slice answer, struct arena *scratch,
                                  struct tcb_info **out);
void tcb_info_free(struct tcb_info *t);
const struct dcap_statement *tcb_info_statement(const struct tcb_info *t);
bool tcb_info_is_tdx(const struct tcb_info *t);
slice tcb_info_fmspc(const struct tcb_info *t);  /* 6 bytes */
slice tcb_info_pce_id(const struct tcb_info *t); /* 2 bytes */

/* The platform's level, and for TDX the module's. The first level whose SGX components and PCESVN are at or below the
 * PCK certificate's, and for TDX whose TDX components are at or below tee_tcb_svn, decides; where tee_tcb_svn[1] > 0
 * components count from index 2 on and the module is judged by its own identity. `td` is NULL for SGX. A TDX 1.5 report
 * is judged a second time, by tee_tcb_svn2: what the platform runs now, the TD not having been launched with it;
 * tcb_merge() finds from both whether a relaunch is advised. docs/tcb-status.md has the tables.
 * DCAP_TCB_ID (SGX for TDX or the other way), DCAP_TCB_FMSPC, DCAP_TCB_PCEID, DCAP_TCB_NO_LEVEL, DCAP_TDX_MODULE (no
 * identity of this module, or MRSIGNERSEAM or attributes differ from it), DCAP_TDX_MODULE_NO_LEVEL; the last three also
 * for tee_tcb_svn2. */
struct platform_verdict {
    struct tcb_verdict platform;
    bool has_module;
    struct tcb_verdict module;
    bool has_current; /* the three below: by tee_tcb_svn2 */
    struct tcb_verdict current_platform;
    bool has_current_module;
    struct tcb_verdict current_module;
};
MUST_CHECK result tcb_info_judge(const struct tcb_info *t, const struct pck *pck, const struct td_report *td,
                                 struct platform_verdict *out);

/* --- QE identity, version 2 --- */
struct qe_identity;
MUST_CHECK result qe_identity_new(const struct x509_trust *trust, slice answer, slice chain, struct arena *scratch,
                                  struct qe_identity **out); /* as tcb_info_new(), member "enclaveIdentity" */
MUST_CHECK result qe_identity_new_by(struct tcb_signer *signer, slice answer, struct arena *scratch,
                                     struct qe_identity **out);
void qe_identity_free(struct qe_identity *q);
const struct dcap_statement *qe_identity_statement(const struct qe_identity *q);
bool qe_identity_is_tdx(const struct qe_identity *q); /* id TD_QE, else QE */
/* MRSIGNER, ISVPRODID, MISCSELECT and ATTRIBUTES under their masks, no debug enclave, then the first level whose ISVSVN
 * is at or below.
 * DCAP_QE_MRSIGNER, DCAP_QE_PRODUCT, DCAP_QE_MISCSELECT, DCAP_QE_ATTRIBUTES, DCAP_QE_NO_LEVEL. */
MUST_CHECK result qe_identity_judge(const struct qe_identity *q, const struct enclave_report *qe,
                                    struct tcb_verdict *out);

/* One status out of platform, module and QE, as Intel's quote verification library merges them; the advisories
 * of them all in order and without doubles, the earliest TCB date. For TDX 1.5 a status that is out of date by what the
 * TD was launched with, but not by what runs now, becomes a TCB_RELAUNCH_ADVISED…; date and advisories stay the
 * launch's. */
void tcb_merge(const struct platform_verdict *platform, const struct tcb_verdict *qe, struct tcb_verdict *out);
/* The same for what runs now; where there is no tee_tcb_svn2 the same as tcb_merge(). (The claims
 * tcb_status_current, tcb_date_current and advisory_ids_current.) */
void tcb_merge_current(const struct platform_verdict *platform, const struct tcb_verdict *qe, struct tcb_verdict *out);

/* The root that Intel publishes, DER; pinned. */
extern const slice INTEL_SGX_ROOT_CA;

#endif
