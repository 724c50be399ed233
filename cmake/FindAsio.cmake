# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0

# find_package(Asio): standalone Asio 1.22 or newer, or Boost.Asio from Boost 1.74 or newer.
#
# FRAMEWIRE_ASIO picks: auto (standalone when it is there, else Boost's), standalone, or boost.
# It makes the targets Asio::standalone and Asio::boost for those that may be picked and are there,
# and Asio::asio, which is the one that was picked. Each says which it is by FRAMEWIRE_BOOST_ASIO.
# The targets are global: a project that holds Framewire in a folder may call it after add_subdirectory.
# Asio_ROOT and BOOST_ROOT name places to look at first; both sorts are used as headers alone.

set(FRAMEWIRE_ASIO auto CACHE STRING "The Asio that is used: auto, standalone or boost")
set_property(CACHE FRAMEWIRE_ASIO PROPERTY STRINGS auto standalone boost)
if(NOT FRAMEWIRE_ASIO MATCHES "^(auto|standalone|boost)$")
    message(FATAL_ERROR "FRAMEWIRE_ASIO is \"${FRAMEWIRE_ASIO}\": it can be auto, standalone or boost")
endif()

find_package(Threads QUIET)

# Sets Asio_<sort>_INCLUDE_DIR, and Asio_<sort>_VERSION to the number in the version header.
macro(framewire_look_for_asio sort header version_header version_regex)
    find_path(Asio_${sort}_INCLUDE_DIR ${header} ${ARGN})
    mark_as_advanced(Asio_${sort}_INCLUDE_DIR)
    set(Asio_${sort}_VERSION 0)
    if(EXISTS "${Asio_${sort}_INCLUDE_DIR}/${version_header}")
        file(STRINGS "${Asio_${sort}_INCLUDE_DIR}/${version_header}" Asio_line REGEX "${version_regex}")
        if(Asio_line MATCHES "${version_regex}")
            set(Asio_${sort}_VERSION ${CMAKE_MATCH_1})
        endif()
        unset(Asio_line)
    endif()
endmacro()

set(Asio_older "")
set(Asio_picked "")

if(FRAMEWIRE_ASIO MATCHES "auto|standalone")
    framewire_look_for_asio(standalone asio.hpp asio/version.hpp "define ASIO_VERSION ([0-9]+)")
    if(Asio_standalone_VERSION GREATER_EQUAL 102200)
        list(APPEND Asio_picked standalone)
    elseif(Asio_standalone_VERSION)
        string(APPEND Asio_older " The one in ${Asio_standalone_INCLUDE_DIR} is older.")
    endif()
endif()

if(FRAMEWIRE_ASIO MATCHES "auto|boost")
    # A program that uses another part of Boost already gets Asio from the same place.
    set(Asio_hints HINTS ${BOOST_ROOT} ${Boost_ROOT} ENV BOOST_ROOT ENV Boost_ROOT PATH_SUFFIXES include)
    if(TARGET Boost::headers)
        get_target_property(Asio_hints Boost::headers INTERFACE_INCLUDE_DIRECTORIES)
        set(Asio_hints HINTS ${Asio_hints} NO_DEFAULT_PATH)
    endif()
    framewire_look_for_asio(boost boost/asio.hpp boost/version.hpp "define BOOST_VERSION ([0-9]+)" ${Asio_hints})
    unset(Asio_hints)
    if(Asio_boost_VERSION GREATER_EQUAL 107400)
        list(APPEND Asio_picked boost)
    elseif(Asio_boost_VERSION)
        string(APPEND Asio_older " The Boost in ${Asio_boost_INCLUDE_DIR} is older.")
    endif()
endif()

if(Threads_FOUND)
    foreach(Asio_sort IN LISTS Asio_picked)
        if(NOT TARGET Asio::${Asio_sort})
            add_library(Asio::${Asio_sort} INTERFACE IMPORTED GLOBAL)
            target_include_directories(Asio::${Asio_sort} INTERFACE ${Asio_${Asio_sort}_INCLUDE_DIR})
            target_link_libraries(Asio::${Asio_sort} INTERFACE Threads::Threads)
            string(COMPARE EQUAL ${Asio_sort} boost Asio_is_boost)
            target_compile_definitions(Asio::${Asio_sort} INTERFACE FRAMEWIRE_BOOST_ASIO=${Asio_is_boost})
        endif()
    endforeach()
endif()

if(Asio_picked)
    list(GET Asio_picked 0 Asio_picked)
    set(Asio_INCLUDE_DIR ${Asio_${Asio_picked}_INCLUDE_DIR})
    math(EXPR Asio_major "${Asio_${Asio_picked}_VERSION} / 100000")
    math(EXPR Asio_minor "${Asio_${Asio_picked}_VERSION} / 100 % 1000")
    math(EXPR Asio_patch "${Asio_${Asio_picked}_VERSION} % 100")
    set(Asio_VERSION ${Asio_major}.${Asio_minor}.${Asio_patch})
    if(NOT TARGET Asio::asio AND TARGET Asio::${Asio_picked})
        add_library(Asio::asio INTERFACE IMPORTED GLOBAL)
        target_link_libraries(Asio::asio INTERFACE Asio::${Asio_picked})
    endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Asio
    REQUIRED_VARS Asio_INCLUDE_DIR Threads_FOUND
    VERSION_VAR Asio_VERSION
    REASON_FAILURE_MESSAGE "It has to be standalone Asio 1.22 or newer (Debian and Ubuntu: libasio-dev) or \
Boost 1.74 or newer (Debian 12: libboost1.81-dev), as FRAMEWIRE_ASIO=${FRAMEWIRE_ASIO} says. Asio_ROOT and \
BOOST_ROOT name other places.${Asio_older}")
