/* The style and the script of the HTML report, made from page/page.css and page/page.js by
 * page/embed.py. */
#ifndef PRECIS_REPORT_PAGE_H
#define PRECIS_REPORT_PAGE_H

/* As they stand in their elements, and what a Content-Security-Policy calls them ("sha256-..."). */
extern const char page_style[], page_style_hash[];
extern const char page_script[], page_script_hash[];

#endif
