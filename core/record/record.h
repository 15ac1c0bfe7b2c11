/* SPDX-License-Identifier: Apache-2.0
 *
 * The record of one decision: what was asked, each check in order, why it ended as it did. It is gathered in the
 * request's scratch arena and written to the bounded store when the request ends. Administrators read it with
 * `trusteectl explain ID`; the client gets the id and the reason's class only.
 */
#ifndef CORE_RECORD_H
#define CORE_RECORD_H

#include "lib/base/arena.h"

struct record_check {
    struct record_check *next;
    slice name, expected, actual;
    bool passed;
};

struct record_name {
    struct record_name *next;
    slice name;
};

struct record {
    struct arena *arena;
    const char *kind;        /* "auth", "attestation", "release", "administration" */
    uint8_t id[16];
    int64_t time;            /* Unix seconds */
    slice peer, subject;     /* who: an address; an administrator's role or the key's thumbprint */
    slice tee, path;         /* what about */
    slice status;            /* EAR status, policy id, … where there is one */
    slice policy_hash;       /* hex SHA-256 of the policy that decided */
    slice evidence_digest;   /* hex SHA-256 of the request that carried the evidence, as it was sent */
    slice reason, text;      /* dotted id and a sentence; empty while nothing refused */
    slice remedy;
    uint16_t class;          /* enum reason_class of the refusal */
    bool allowed;
    slice vector;            /* JSON of the trustworthiness vector */
    slice attestation;       /* of a release: id of the record of the attestation that its token came from */
    struct record_check *checks, *last_check;
    struct record_name *missing; /* reference values that the policy asked for and nobody has set */
    unsigned check_count;
};

void record_begin(struct record *r, struct arena *a, const char *kind, const uint8_t id[16]);
/* Texts are copied. More than 256 checks, or no memory: further ones are counted only. */
void record_check(struct record *r, slice name, bool passed, slice expected, slice actual);
/* The first refusal counts; later ones are ignored. */
void record_refuse(struct record *r, enum reason why, slice text);
void record_refuse_as(struct record *r, enum reason_class class, slice reason, slice text);
void record_missing(struct record *r, slice reference_value); /* each name once */

#endif
