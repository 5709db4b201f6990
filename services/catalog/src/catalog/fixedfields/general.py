"""Leader, 008 and 006 position by position, after the MARC 21 formats (Library of Congress), in words of our own.

A line is positions, name, and either a kind of text (`=date`) or codes with what they mean (`#` for a blank; `u`, `z`,
`n` and `m` alone are unknown, other, not applicable and mixed). Where several characters share one line whose codes
are single ones, each of them is a code, and blanks stand behind. What no line names is not defined, and blank.
"""

# ruff: noqa: E501 - a table is read by its lines

from typing import Final

LEADER: Final = """
05 record-status a=increase-in-encoding-level c=corrected d=deleted n=new p=increase-from-prepublication
06 record-type a=language-material c=notated-music d=manuscript-notated-music e=cartographic f=manuscript-cartographic g=projected-medium i=nonmusical-sound j=musical-sound k=two-dimensional-graphic m=computer-file o=kit p=mixed-materials r=three-dimensional-object t=manuscript-language-material
07 bibliographic-level a=monographic-component b=serial-component c=collection d=subunit i=integrating-resource m=monograph s=serial
08 control-type #=none a=archival
09 character-coding #=marc-8 a=unicode
17 encoding-level #=full 1=full-not-examined 2=less-than-full-not-examined 3=abbreviated 4=core 5=preliminary 7=minimal 8=prepublication u z=not-applicable
18 descriptive-form #=not-isbd a=aacr2 c=isbd-without-punctuation i=isbd n=other-without-punctuation u
19 multipart-level #=not-specified a=set b=part-with-own-title c=part-with-dependent-title
"""
LEADER_HOLDINGS: Final = """
05 record-status c=corrected d=deleted n=new
06 record-type u v=multipart x=single-part y=serial
09 character-coding #=marc-8 a=unicode
17 encoding-level 1=level-1 2=level-2 3=level-3 4=level-4 5=level-4-with-pieces m=mixed-level u z=other-level
18 item-information #=not-told i=in-record n=not-in-record
"""
COMMON: Final = """
00-05 entered-on =date
06 date-type b=before-christ c=current d=ceased e=detailed i=inclusive k=bulk m=multiple n=unknown p=distribution-and-production q=questionable r=reprint-and-original s=single t=publication-and-copyright u=status-unknown
07-10 date-1 =year
11-14 date-2 =year
15-17 place =country
35-37 language =language
38 modified #=not-modified d=dashed-on-left-out o=romanized-cards-in-script r=romanized s=shortened x=missing-characters
39 cataloging-source #=national-agency c=cooperative d=other u
"""
_AUDIENCE: Final = "audience #=unknown a=preschool b=primary c=pre-adolescent d=adolescent e=adult f=specialized g=general j=juvenile"
_FORM: Final = "form #=none-of-these a=microfilm b=microfiche c=microopaque d=large-print f=braille o=online q=direct-electronic r=print-reproduction s=electronic"
_GOVERNMENT: Final = "government #=none a=autonomous c=multilocal f=federal i=international l=local m=multistate o=level-unknown s=state u z"
_CONTENTS: Final = "#=not-specified a=abstracts b=bibliographies c=catalogs d=dictionaries e=encyclopedias f=handbooks g=legal-articles i=indexes j=patents k=discographies l=legislation m=theses n=surveys-of-literature o=reviews p=programmed-texts q=filmographies r=directories s=statistics t=technical-reports u=standards v=legal-cases w=law-reports y=yearbooks z=treaties 2=offprints 5=calendars 6=comics"

MATERIALS: Final = {
    "books": f"""
18-21 illustrations #=none a=illustrations b=maps c=portraits d=charts e=plans f=plates g=music h=facsimiles i=coats-of-arms j=genealogical-tables k=forms l=samples m=sound-discs o=photographs p=illuminations
22 {_AUDIENCE}
23 {_FORM}
24-27 contents {_CONTENTS}
28 {_GOVERNMENT}
29 conference 0=no 1=yes
30 festschrift 0=no 1=yes
31 index 0=no 1=yes
33 literary-form 0=not-fiction 1=fiction d=dramas e=essays f=novels h=humor i=letters j=short-stories m=mixed p=poetry s=speeches u
34 biography #=none a=autobiography b=individual c=collective d=contains-biography
""",
    "continuing": f"""
18 frequency #=none a=annual b=bimonthly c=semiweekly d=daily e=biweekly f=semiannual g=biennial h=triennial i=three-times-a-week j=three-times-a-month k=continuous m=monthly q=quarterly s=semimonthly t=three-times-a-year u w=weekly z
19 regularity n=normalized-irregular r=regular u x=irregular
21 resource-type #=none-of-these d=updating-database g=magazine h=blog j=journal l=updating-loose-leaf m=monographic-series n=newspaper p=periodical r=repository s=newsletter t=directory w=updating-website
22 original-form #=none-of-these a=microfilm b=microfiche c=microopaque d=large-print e=newspaper-format f=braille o=online q=direct-electronic s=electronic
23 {_FORM}
24 work-nature {_CONTENTS} h=biography
25-27 contents {_CONTENTS} h=biography
28 {_GOVERNMENT}
29 conference 0=no 1=yes
33 title-script #=none-given a=basic-roman b=extended-roman c=cyrillic d=japanese e=chinese f=arabic g=greek h=hebrew i=thai j=devanagari k=korean l=tamil u z
34 entry-convention 0=successive 1=latest 2=integrated
""",
    "files": f"""
22 {_AUDIENCE}
23 form #=unknown o=online q=direct-electronic
26 file-type a=numeric-data b=program c=representational d=document e=bibliographic-data f=font g=game h=sound i=interactive-multimedia j=online-system m=combination u z
28 {_GOVERNMENT}
""",
    "maps": f"""
18-21 relief #=none a=contours b=shading c=tints d=hachures e=soundings f=form-lines g=spot-heights i=pictorial j=land-forms k=isolines m=rock-drawings z
22-23 projection ##=not-specified aa=aitoff ab=gnomonic ac=lambert-azimuthal-equal-area ad=orthographic ae=azimuthal-equidistant af=stereographic ag=near-sided-perspective am=modified-stereographic an=chamberlin-trimetric ap=polar-stereographic au=azimuthal-unknown az=azimuthal-other ba=gall bb=goode-homolographic bc=lambert-cylindrical bd=mercator be=miller bf=mollweide bg=sinusoidal bh=transverse-mercator bi=gauss-krueger bj=equirectangular bk=krovak bl=cassini-soldner bo=oblique-mercator br=robinson bs=space-oblique-mercator bu=cylindrical-unknown bz=cylindrical-other ca=albers cb=bonne cc=lambert-conic ce=equidistant-conic cp=polyconic cu=conic-unknown cz=conic-other da=armadillo db=butterfly dc=eckert dd=goode-homolosine de=bipolar-oblique-conic df=van-der-grinten dg=dymaxion dh=cordiform dl=lambert-conformal zz=other
25 cartographic-type a=single-map b=map-series c=map-serial d=globe e=atlas f=supplement g=bound-with u z
28 {_GOVERNMENT}
29 {_FORM}
31 index 0=no 1=yes
33-34 format-features #=none e=manuscript j=picture-card k=calendar l=puzzle n=game o=wall-map p=playing-cards r=loose-leaf z
""",
    "music": f"""
18-19 composition an=anthems bd=ballads bg=bluegrass bl=blues bt=ballets ca=chaconnes cb=other-chants cc=christian-chants cg=concerti-grossi ch=chorales cl=chorale-preludes cn=canons co=concertos cp=polyphonic-chansons cr=carols cs=chance-compositions ct=cantatas cy=country-music cz=canzonas df=dance-forms dv=divertimentos fg=fugues fl=flamenco fm=folk-music ft=fantasias gm=gospel-music hy=hymns jz=jazz mc=musical-comedies md=madrigals mi=minuets mo=motets mp=film-music mr=marches ms=masses mu=several-forms mz=mazurkas nc=nocturnes nn=not-applicable op=operas or=oratorios ov=overtures pg=program-music pm=passion-music po=polonaises pp=popular-music pr=preludes ps=passacaglias pt=part-songs pv=pavans rc=rock rd=rondos rg=ragtime ri=ricercars rp=rhapsodies rq=requiems sd=square-dance sg=songs sn=sonatas sp=symphonic-poems st=studies su=suites sy=symphonies tc=toccatas tl=teatro-lirico ts=trio-sonatas uu=unknown vi=villancicos vr=variations wz=waltzes za=zarzuelas zz=other
20 music-format a=full-score b=study-score c=accompaniment-for-keyboard d=voices-without-accompaniment g=close-score h=chorus-score j=performer-conductor-part k=vocal-score l=score m=several-formats n p=piano-score u z
21 parts #=none d=instrumental-and-vocal e=instrumental f=vocal n u
22 {_AUDIENCE}
23 {_FORM}
24-29 accompanying-matter #=none a=discography b=bibliography c=thematic-index d=libretto e=biography-of-composer f=biography-of-performer g=on-instruments h=on-music i=history k=ethnology r=instruction s=music z
30-31 literary-text #=music a=autobiography b=biography c=conference d=drama e=essays f=fiction g=reporting h=history i=instruction j=language-instruction k=comedy l=lectures m=memoirs n=not-applicable o=folktales p=poetry r=rehearsals s=sounds t=interviews z
33 arrangement #=not-applicable a=transposed b=arranged c=both n=not-specified u
""",
    "visual": f"""
18-20 running-time =text
22 {_AUDIENCE}
28 {_GOVERNMENT}
29 {_FORM}
33 visual-type a=original-art b=kit c=art-reproduction d=diorama f=filmstrip g=game i=picture k=graphic l=technical-drawing m=motion-picture n=chart o=flash-card p=microscope-slide q=model r=realia s=slide t=transparency v=videorecording w=toy z
34 technique a=animation c=animation-and-live-action l=live-action n u z
""",
    "mixed": f"""
23 {_FORM}
""",
}
"""008/18-34; 006/01-17 are the same."""
KINDS_006: Final = {
    "books": "a=language-material t=manuscript-language-material",
    "continuing": "s=continuing",
    "files": "m=computer-file",
    "maps": "e=cartographic f=manuscript-cartographic",
    "music": "c=notated-music d=manuscript-notated-music i=nonmusical-sound j=musical-sound",
    "visual": "g=projected-medium k=two-dimensional-graphic o=kit r=three-dimensional-object",
    "mixed": "p=mixed-materials",
}
"""006/00."""
HOLDINGS: Final = """
00-05 entered-on =date
06 receipt-status 0=unknown 1=other 2=complete-or-ceased 3=on-order 4=currently-received 5=not-currently-received
06 receipt-status 6=external-access
07 acquisition-method c=cooperative-purchase d=deposit e=exchange f=free g=gift l=legal-deposit m=membership
07 acquisition-method n=non-library-purchase p=purchase q=lease u z
08-11 acquisition-ends =year-month
12 retention 0=unknown 1=other 2=replaced-by-updates 3=sample-issue 4=until-microform 5=until-cumulated
12 retention 6=limited-period 7=not-retained 8=permanent
13 retention-of #=not-specified l=latest p=previous
14 retention-units =digit
15 retention-unit #=not-specified m=months w=weeks y=years e=editions i=issues s=supplements
16 completeness 0=other 1=complete 2=incomplete 3=scattered 4=not-applicable
17-19 copies =number
20 lending-policy a=will-lend b=will-not-lend c=hard-copy-only l=limited u
21 reproduction-policy a=will-reproduce b=will-not-reproduce u
22-24 language =language
25 copy-report 0=separate 1=composite
26-31 reported-on =date
"""
