# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0

# cmake -DINCLUDE=<folder with framewire/> -DORDER=<header>|<header>... -P check.cmake
#
# Reads the #include lines of every header and fails on one that goes the wrong way: a header may
# include only headers that stand above it in ORDER. A header that does not stand there fails too.

cmake_minimum_required(VERSION 3.23)
string(REPLACE "|" ";" ORDER "${ORDER}")

# The headers that cost every user compile time, or that do I/O.
set(heavy regex iostream fstream sstream iomanip functional cassert cstdio
    asio.hpp asio/ssl.hpp boost/asio.hpp boost/asio/ssl.hpp)

# What lies outside: Qt in qt/ only; Asio where it is picked, so that nothing is used of the other one.
set(qt_includes "^Q[A-Za-z]+(/Q[A-Za-z]+)?$")
set(tls_includes "^((boost/)?asio/ssl/.*|openssl/.*)$")
set(vector_includes "^([a-z]mmintrin|intrin|arm_neon)\\.h$")
set(asio_includes "^((boost/)?asio(/.*)?|boost/version)\\.hpp$")

# Of deflate/, what the adapter for Qt has to do without in all headers but one.
set(zlib_headers "^deflate/(detail/zlib|permessage_deflate)\\.hpp$")

file(GLOB_RECURSE headers RELATIVE ${INCLUDE}/framewire ${INCLUDE}/framewire/*)
list(LENGTH headers count)
if(count EQUAL 0)
    message(FATAL_ERROR "there are no headers under ${INCLUDE}/framewire")
endif()

set(wrong "")
foreach(header IN LISTS headers)
    list(FIND ORDER ${header} own)
    if(own EQUAL -1)
        list(APPEND wrong "${header} stands in no layer: CMakeLists.txt does not list it")
        continue()
    endif()
    file(STRINGS ${INCLUDE}/framewire/${header} lines REGEX "^[ \t]*#[ \t]*include")
    foreach(line IN LISTS lines)
        if(line MATCHES "<framewire/([^>]+)>")
            set(included ${CMAKE_MATCH_1})
            list(FIND ORDER ${included} other)
            if(other EQUAL -1 OR other GREATER_EQUAL own)
                list(APPEND wrong "${header} includes ${included}")
            elseif(header MATCHES "^qt/" AND included MATCHES "^asio/")
                list(APPEND wrong "${header} includes ${included} of another adapter")
            elseif(header MATCHES "^qt/" AND included MATCHES "${zlib_headers}" AND NOT header STREQUAL "qt/deflate.hpp")
                list(APPEND wrong "${header} includes ${included}, which needs zlib")
            endif()
        elseif(line MATCHES "<([^>]+)>")
            set(included ${CMAKE_MATCH_1})
            if(included IN_LIST heavy)
                list(APPEND wrong "${header} includes <${included}>")
            elseif(included MATCHES "${qt_includes}")
                if(NOT header MATCHES "^qt/")
                    list(APPEND wrong "${header} includes Qt's <${included}>")
                endif()
            elseif(included MATCHES "${tls_includes}")
                if(NOT header STREQUAL "asio/tls.hpp")
                    list(APPEND wrong "${header} includes <${included}>, which asio/tls.hpp does for all")
                endif()
            elseif(included MATCHES "${asio_includes}")
                if(NOT header STREQUAL "asio/config.hpp")
                    list(APPEND wrong "${header} includes <${included}>, which asio/config.hpp does for all")
                endif()
            elseif(included MATCHES "^(zlib|libdeflate)\\.h$")
                if(NOT header STREQUAL "deflate/detail/zlib.hpp")
                    list(APPEND wrong "${header} includes <${included}>, which deflate/detail/zlib.hpp does for all")
                endif()
            elseif(included MATCHES "${vector_includes}")
                if(NOT header MATCHES "^detail/simd_")
                    list(APPEND wrong "${header} includes <${included}>, which detail/simd_*.hpp does for all")
                endif()
            elseif(included MATCHES "^sys/(socket|uio)\\.h$")
                if(NOT header STREQUAL "qt/detail/system_socket.hpp")
                    list(APPEND wrong "${header} includes <${included}>, which qt/detail/system_socket.hpp does for all")
                endif()
            elseif(included MATCHES "[./]")
                list(APPEND wrong "${header} includes <${included}>, which is not a standard header")
            endif()
        else()
            list(APPEND wrong "${header} has an include that is not in angle brackets: ${line}")
        endif()
    endforeach()
endforeach()

if(wrong)
    list(JOIN wrong "\n  " wrong)
    message(FATAL_ERROR "includes against the layers:\n  ${wrong}")
endif()
message(STATUS "the includes of ${count} headers follow the layers")
