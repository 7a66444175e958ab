/* SPDX-License-Identifier: MIT
 * Versions of the gateway and of what it stands on, as found at run time. */
#include <stdio.h>
#include <h2o.h>
#include <h2o/version.h>
#include <brotli/encode.h>
#include <curl/curl.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <yaml.h>
#include <zlib.h>
#include "config.h"
#include "gateway/server/version.h"

int gw_version_main(void)
{
    printf("sluice %s\nlibh2o %s\n%s\nlibyaml %s\njansson %s\nlibcurl %s\n", PACKAGE_VERSION, H2O_VERSION,
           OpenSSL_version(OPENSSL_VERSION), yaml_get_version_string(), jansson_version_str(),
           curl_version_info(CURLVERSION_NOW)->version);
    uint32_t brotli = BrotliEncoderVersion(); /* 8 bits, 12, 12 */
    printf("zlib %s\nbrotli %u.%u.%u\n", zlibVersion(), brotli >> 24, brotli >> 12 & 0xfff, brotli & 0xfff);
    return 0;
}
