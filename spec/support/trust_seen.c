/*
 * Preloaded by a spec: tells on standard output which certificates libcurl is told to trust.
 */
#define _GNU_SOURCE
#include <curl/curl.h>
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>

#undef curl_easy_setopt

typedef CURLcode setting(CURL *, CURLoption, ...);

CURLcode curl_easy_setopt(CURL *easy, CURLoption option, ...) {
  setting *next = (setting *)dlsym(RTLD_NEXT, "curl_easy_setopt");
  va_list arguments;
  va_start(arguments, option);
  void *value = va_arg(arguments, void *);
  va_end(arguments);
  if (option == CURLOPT_CAINFO || option == CURLOPT_CAPATH) {
    printf("%s %s\n", option == CURLOPT_CAINFO ? "file" : "path", value != NULL ? (const char *)value : "none");
    fflush(stdout);
  }
  return next(easy, option, value);
}
