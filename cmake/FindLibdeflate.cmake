# SPDX-FileCopyrightText: The Framewire authors
# SPDX-License-Identifier: BSL-1.0

# find_package(Libdeflate): makes Libdeflate::libdeflate, which tells framewire::deflate that it is there.
#
# Whole messages without context takeover are then decompressed by it. CMAKE_DISABLE_FIND_PACKAGE_Libdeflate
# does without. Libdeflate_ROOT names a place to look at first.

find_path(Libdeflate_INCLUDE_DIR libdeflate.h)
find_library(Libdeflate_LIBRARY NAMES deflate libdeflate)
mark_as_advanced(Libdeflate_INCLUDE_DIR Libdeflate_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Libdeflate REQUIRED_VARS Libdeflate_LIBRARY Libdeflate_INCLUDE_DIR)

# Global, so that a project that holds Framewire in a folder may call it after add_subdirectory.
if(Libdeflate_FOUND AND NOT TARGET Libdeflate::libdeflate)
    add_library(Libdeflate::libdeflate UNKNOWN IMPORTED GLOBAL)
    set_target_properties(Libdeflate::libdeflate PROPERTIES
        IMPORTED_LOCATION ${Libdeflate_LIBRARY}
        INTERFACE_INCLUDE_DIRECTORIES ${Libdeflate_INCLUDE_DIR}
        INTERFACE_COMPILE_DEFINITIONS FRAMEWIRE_HAS_LIBDEFLATE)
endif()
