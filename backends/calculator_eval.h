/* SPDX-License-Identifier: MIT
 * The calculator's arithmetic: integers of any sign and of up to 4,096 digits, exactly (OpenSSL's BIGNUM).
 * Pure.  Threads: reentrant.  Out of memory ends the process, as in libh2o. */
#ifndef GW_BACKENDS_CALCULATOR_EVAL_H
#define GW_BACKENDS_CALCULATOR_EVAL_H

#include "gateway/base/str.h"

#define GW_CALCULATOR_MAX_DIGITS 4096

typedef enum gw_calculator_operation {
    GW_CALCULATOR_ADD,
    GW_CALCULATOR_SUBTRACT,
    GW_CALCULATOR_MULTIPLY,
    GW_CALCULATOR_DIVIDE, /* the quotient is cut towards zero; the remainder has the sign of the first number */
} gw_calculator_operation_t;

typedef enum gw_calculator_result {
    GW_CALCULATOR_OK,
    GW_CALCULATOR_MALFORMED, /* not an optional sign and decimal digits */
    GW_CALCULATOR_TOO_LONG,  /* more than GW_CALCULATOR_MAX_DIGITS digits, zeros in front counted */
    GW_CALCULATOR_DIVISION_BY_ZERO,
} gw_calculator_result_t;

/** Decimal, with '-' if negative, no zeros in front; never "-0". */
typedef struct gw_calculator_answer {
    char *num1, *num2; /* as they were understood */
    char *result;
    char *remainder; /* NULL unless GW_CALCULATOR_DIVIDE */
} gw_calculator_answer_t;

/** @param ret_answer set on GW_CALCULATOR_OK only; free it with gw_calculator_answer_dispose
 *  @param reterr_number set otherwise: which number is wrong, 1 or 2 */
gw_calculator_result_t gw_calculator_eval(gw_calculator_operation_t operation, gw_str_t num1, gw_str_t num2,
                                          gw_calculator_answer_t *ret_answer, int *reterr_number);
void gw_calculator_answer_dispose(gw_calculator_answer_t *answer);
/** @return what is wrong, as a predicate for "num1 ..."; NULL for GW_CALCULATOR_OK */
const char *gw_calculator_result_str(gw_calculator_result_t result);

#endif
