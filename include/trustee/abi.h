/* SPDX-License-Identifier: Apache-2.0
 *
 * Base types of the Trustee plugin ABI, version 1.
 *
 * What crosses the boundary between the service and a plugin is: slices, fixed-width integers, opaque handles and
 * function pointers. Nothing else: no enum-typed or bool field, no time_t, no FILE *, no library object.
 *
 * Every struct that crosses begins with its own size in bytes, filled in by the side that made it. The reader copies
 * min(own size, given size) and leaves the rest zero; zero always means "the behaviour before this field existed".
 * Structs grow at their end only, and their size is always a multiple of 8.
 */
#ifndef TRUSTEE_ABI_H
#define TRUSTEE_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if UINTPTR_MAX != UINT64_MAX
#error "the Trustee plugin ABI is defined for 64-bit platforms"
#endif

/* The minor version tells people what a plugin was written against; what decides is the size of each struct. */
#define TRUSTEE_ABI_MAJOR 1u
#define TRUSTEE_ABI_MINOR 0u

/* Bytes that belong to somebody else. ptr may be NULL only when len is 0, which means "absent".
 * Text is UTF-8 and not NUL-terminated. */
typedef struct trustee_slice {
    const uint8_t *ptr;
    uint64_t len; /* bytes */
} trustee_slice;

/* A slice over a string literal, usable in static initialisers of C and C++. */
#define TRUSTEE_TEXT(literal)                              \
    {                                                      \
        (const uint8_t *)("" literal), sizeof(literal) - 1 \
    }

/* What a function answers. Zero and positive values are answers, negative ones are faults; any value that is not
 * named here is treated as TRUSTEE_E_INTERNAL. Only TRUSTEE_OK together with an explicit verdict ever allows. */
typedef int32_t trustee_status;
#define TRUSTEE_OK 0
#define TRUSTEE_REJECT 1        /* the evidence, policy or value is bad: say why with host->reject first */
#define TRUSTEE_NEED 2          /* collateral is wanted: see trustee_verify_out.needs */
#define TRUSTEE_NOT_FOUND 3     /* there is no such item */
#define TRUSTEE_E_INVAL (-1)    /* the caller's arguments make no sense */
#define TRUSTEE_E_NOMEM (-2)    /* the arena or the heap is exhausted */
#define TRUSTEE_E_LIMIT (-3)    /* a bound of size, depth, steps or time was reached */
#define TRUSTEE_E_NOTSUP (-4)   /* not implemented here */
#define TRUSTEE_E_CONFIG (-5)   /* an option's value cannot work: say why with host->log first */
#define TRUSTEE_E_AGAIN (-6)    /* a back end is not reachable now */
#define TRUSTEE_E_INTERNAL (-7) /* a fault of the plugin itself */

/* Opaque handles. */
typedef struct trustee_request trustee_request; /* one request: its arena, record and deadline */
typedef struct trustee_conf trustee_conf;       /* a plugin's validated options */
typedef struct trustee_value trustee_value;     /* one value of the request's JSON */
typedef struct trustee_writer trustee_writer;   /* writes a tree of claims */
typedef struct trustee_sink trustee_sink;       /* takes bytes that may be secret */

/* One node of a read-only tree in pre-order: a container is followed by its members, and `next` is the index of the
 * node after the whole subtree. The root is node 0. Object members carry their key; array elements have none. */
typedef struct trustee_node {
    uint32_t type; /* TRUSTEE_NODE_… */
    uint32_t next;
    trustee_slice key;
    trustee_slice text; /* STRING: the text; NUMBER: its decimal text */
    int64_t integer;    /* BOOL: 0 or 1; INT: the value; containers: how many members */
} trustee_node;

#define TRUSTEE_NODE_NULL 0u
#define TRUSTEE_NODE_BOOL 1u
#define TRUSTEE_NODE_INT 2u    /* fits an int64_t */
#define TRUSTEE_NODE_NUMBER 3u /* any other JSON number */
#define TRUSTEE_NODE_STRING 4u
#define TRUSTEE_NODE_ARRAY 5u
#define TRUSTEE_NODE_OBJECT 6u

typedef struct trustee_tree {
    const trustee_node *nodes;
    uint64_t count;
} trustee_tree;

#ifdef __cplusplus
}
#endif
#endif
