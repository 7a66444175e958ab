/* SPDX-License-Identifier: MIT
 * The calculator's arithmetic. */
#include <stdio.h>
#include <stdlib.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include "backends/calculator_eval.h"

/** BIGNUM's functions fail only when memory runs out. */
static void *must(void *made)
{
    if (made == NULL) {
        fputs("sluice-demo: out of memory\n", stderr);
        abort();
    }
    return made;
}

static void must_be(int is_done)
{
    if (is_done == 0)
        must(NULL);
}

static gw_calculator_result_t read_number(gw_str_t text, BIGNUM **number)
{
    char copy[1 + GW_CALCULATOR_MAX_DIGITS + 1];
    bool is_negative = text.len != 0 && *text.ptr == '-';
    if (text.len != 0 && (*text.ptr == '-' || *text.ptr == '+'))
        ++text.ptr, --text.len;
    if (text.len == 0)
        return GW_CALCULATOR_MALFORMED;
    for (size_t i = 0; i != text.len; ++i)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return GW_CALCULATOR_MALFORMED;
    if (text.len > GW_CALCULATOR_MAX_DIGITS)
        return GW_CALCULATOR_TOO_LONG;
    copy[0] = '-';
    memcpy(copy + 1, text.ptr, text.len);
    copy[1 + text.len] = '\0';
    must_be(BN_dec2bn(number, is_negative ? copy : copy + 1));
    return GW_CALCULATOR_OK;
}

gw_calculator_result_t gw_calculator_eval(gw_calculator_operation_t operation, gw_str_t num1, gw_str_t num2,
                                          gw_calculator_answer_t *ret_answer, int *reterr_number)
{
    BIGNUM *a = NULL, *b = NULL, *result = must(BN_new()), *remainder = must(BN_new());
    BN_CTX *scratch = must(BN_CTX_new());
    gw_calculator_result_t outcome;

    *reterr_number = 1;
    if ((outcome = read_number(num1, &a)) != GW_CALCULATOR_OK)
        goto Exit;
    *reterr_number = 2;
    if ((outcome = read_number(num2, &b)) != GW_CALCULATOR_OK)
        goto Exit;
    switch (operation) {
    case GW_CALCULATOR_ADD:
        must_be(BN_add(result, a, b));
        break;
    case GW_CALCULATOR_SUBTRACT:
        must_be(BN_sub(result, a, b));
        break;
    case GW_CALCULATOR_MULTIPLY:
        must_be(BN_mul(result, a, b, scratch));
        break;
    case GW_CALCULATOR_DIVIDE:
        if (BN_is_zero(b)) {
            outcome = GW_CALCULATOR_DIVISION_BY_ZERO;
            goto Exit;
        }
        must_be(BN_div(result, remainder, a, b, scratch));
        break;
    }
    *reterr_number = 0;
    *ret_answer = (gw_calculator_answer_t){
        .num1 = must(BN_bn2dec(a)),
        .num2 = must(BN_bn2dec(b)),
        .result = must(BN_bn2dec(result)),
        .remainder = operation == GW_CALCULATOR_DIVIDE ? must(BN_bn2dec(remainder)) : NULL,
    };
Exit:
    BN_CTX_free(scratch);
    BN_free(remainder);
    BN_free(result);
    BN_free(b);
    BN_free(a);
    return outcome;
}

void gw_calculator_answer_dispose(gw_calculator_answer_t *answer)
{
    OPENSSL_free(answer->num1);
    OPENSSL_free(answer->num2);
    OPENSSL_free(answer->result);
    OPENSSL_free(answer->remainder);
}

const char *gw_calculator_result_str(gw_calculator_result_t result)
{
    switch (result) {
    case GW_CALCULATOR_OK:
        break;
    case GW_CALCULATOR_MALFORMED:
        return "is not an integer: an optional sign and decimal digits";
    case GW_CALCULATOR_TOO_LONG:
        return "has more than 4096 digits";
    case GW_CALCULATOR_DIVISION_BY_ZERO:
        return "is zero: division by zero";
    }
    return NULL;
}
