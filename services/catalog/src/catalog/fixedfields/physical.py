"""007 position by position for each category of material; lines are as in `catalog.fixedfields.general`."""

# ruff: noqa: E501 - a table is read by its lines

from typing import Final

_COLOR: Final = "a=one-color b=black-and-white c=multicolored"
_SOUND: Final = "#=none a=on-medium b=separate u"
_SOUND_MEDIUM: Final = "#=none a=optical-track b=magnetic-track c=magnetic-cartridge d=sound-disc e=magnetic-reel f=magnetic-cassette g=optical-and-magnetic h=videotape i=videodisc u z"
_BASE: Final = (
    "a=safety c=acetate d=diacetate i=nitrate m=mixed n p=polyester r=safety-mixed t=triacetate u z"
)
_SUPPORT: Final = "a=canvas b=bristol-board c=cardboard d=glass e=synthetics f=skins g=textile h=metal i=plastic l=vinyl m n=vellum o=paper p=plaster q=hardboard r=porcelain s=stone t=wood u v=leather w=parchment z"
_PLAYBACK: Final = "k=mixed m=monaural n q=quadraphonic s=stereophonic u z"

CATEGORIES: Final = {
    "a": ("map", 8, """
01 designation d=atlas g=diagram j=map k=profile q=model r=remote-sensing-image s=section u=unspecified y=view z
03 color a=one-color c=multicolored
04 medium a=paper b=wood c=stone d=metal e=synthetics f=skins g=textile i=plastic j=glass l=vinyl n=vellum p=plaster q=flexible-positive r=flexible-negative s=rigid-positive t=rigid-negative u v=leather w=parchment y=other-photographic z
05 reproduction f=facsimile n u z
06 production a=blueline b=photocopy c=pre-production d=film u z
07 polarity a=positive b=negative m n
"""),
    "c": ("electronic-resource", 14, f"""
01 designation a=tape-cartridge b=chip-cartridge c=optical-disc-cartridge d=disc-unspecified e=disc-cartridge-unspecified f=tape-cassette h=tape-reel j=magnetic-disk k=computer-card m=magneto-optical-disc o=optical-disc r=remote s=standalone-device u=unspecified z
03 color {_COLOR} g=gray-scale m n u z
04 dimensions a=3.5-in e=12-in g=4.75-in i=1.125-by-2.375-in j=3.875-by-2.5-in n o=5.25-in u v=8-in z
05 sound #=silent a=sound u
06-08 bit-depth =text
09 file-formats a=one m=several u
10 quality-targets a=absent n p=present u
11 antecedent a=original b=microform c=electronic d=intermediate m n u
12 compression a=uncompressed b=lossless d=lossy m u
13 reformatting a=access n p=preservation r=replacement u
"""),
    "d": ("globe", 6, """
01 designation a=celestial b=planetary c=terrestrial e=earth-moon u=unspecified z
03 color a=one-color c=multicolored
04 medium a=paper b=wood c=stone d=metal e=synthetics f=skins g=textile i=plastic l=vinyl n=vellum p=plaster u v=leather w=parchment z
05 reproduction f=facsimile n u z
"""),
    "f": ("tactile-material", 10, """
01 designation a=moon b=braille c=combination d=no-writing u=unspecified z
03-04 braille-class #=none a=literary b=format-code c=mathematics d=computer e=music m=several n u z
05 contraction a=uncontracted b=contracted m=combination n u z
06-08 braille-music #=none a=bar-over-bar b=bar-by-bar c=line-over-line d=paragraph e=single-line f=section-by-section g=line-by-line h=open-score i=spanner-short-form j=short-form k=outline l=vertical-score n u z
09 special-features a=print-and-braille b=enlarged-braille n u z
"""),
    "g": ("projected-graphic", 9, f"""
01 designation c=filmstrip-cartridge d=filmslip f=filmstrip o=filmstrip-roll s=slide t=transparency u=unspecified z
03 color {_COLOR} h=hand-colored m n u z
04 base d=glass e=synthetics j=safety-film k=other-film m o=paper u z
05 sound {_SOUND}
06 sound-medium {_SOUND_MEDIUM}
07 dimensions a=8-mm b=super-8-mm c=9.5-mm d=16-mm e=28-mm f=35-mm g=70-mm j=2-by-2-in k=2.25-by-2.25-in s=4-by-5-in t=5-by-7-in v=8-by-10-in w=9-by-9-in x=10-by-10-in y=7-by-7-in u z
08 support #=none c=cardboard d=glass e=synthetics h=metal j=metal-and-glass k=synthetics-and-glass m u z
"""),
    "h": ("microform", 13, """
01 designation a=aperture-card b=microfilm-cartridge c=microfilm-cassette d=microfilm-reel e=microfiche f=microfiche-cassette g=microopaque h=microfilm-slip j=microfilm-roll u=unspecified z
03 polarity a=positive b=negative m u
04 dimensions a=8-mm d=16-mm f=35-mm g=70-mm h=105-mm l=3-by-5-in m=4-by-6-in o=6-by-9-in p=3.25-by-7.375-in u z
05 reduction-range a=low b=normal c=high d=very-high e=ultra-high u v=varies
06-08 reduction-ratio =text
09 color b=black-and-white c=multicolored m u z
10 emulsion a=silver-halide b=diazo c=vesicular m n u z
11 generation a=first b=printing-master c=service-copy m u
12 base """ + _BASE + "\n"),
    "k": ("nonprojected-graphic", 6, f"""
01 designation a=activity-card c=collage d=drawing e=painting f=photomechanical-print g=photonegative h=photoprint i=picture j=print k=poster l=technical-drawing n=chart o=flash-card p=postcard q=icon r=radiograph s=study-print u=unspecified v=photograph z
03 color {_COLOR} h=hand-colored m u z
04 primary-support {_SUPPORT}
05 secondary-support #=none {_SUPPORT}
"""),
    "m": ("motion-picture", 23, f"""
01 designation c=film-cartridge f=film-cassette o=film-roll r=film-reel u=unspecified z
03 color b=black-and-white c=multicolored h=hand-colored m n u z
04 presentation a=standard-sound-aperture b=wide-screen c=three-dimensional d=anamorphic e=other-wide-screen f=standard-silent-aperture u z
05 sound {_SOUND}
06 sound-medium {_SOUND_MEDIUM}
07 dimensions a=8-mm b=super-8-mm c=9.5-mm d=16-mm e=28-mm f=35-mm g=70-mm u z
08 playback {_PLAYBACK}
09 production-elements a=work-print b=trims c=outtakes d=rushes e=mixing-tracks f=title-bands g=production-rolls n z
10 polarity a=positive b=negative n u z
11 generation d=duplicate e=master o=original r=reference-copy u z
12 base {_BASE}
13 refined-color a=three-layer b=two-color-one-strip c=two-color-undetermined d=three-color-undetermined e=three-color-three-strip f=two-color-two-strip g=red-strip h=blue-green-strip i=cyan-strip j=magenta-strip k=yellow-strip l=successive-two-color m=successive-three-color n p=sepia q=other-toned r=tinted s=tinted-and-toned t=stencil u v=hand-colored z
14 color-stock a=dye-transfer b=three-layer c=three-layer-low-fade d=duplitized n u z
15 deterioration a=none b=nitrate-suspicious c=nitrate-odor d=nitrate-brown e=nitrate-sticky f=nitrate-frothy g=nitrate-congealed h=nitrate-powder k=detectable l=advanced m=lost
16 completeness c=complete i=incomplete n u
17-22 inspected-on =text
"""),
    "o": ("kit", 2, "01 designation u=unspecified"),
    "q": ("notated-music", 2, "01 designation u=unspecified"),
    "r": ("remote-sensing-image", 11, """
01 designation u=unspecified
03 altitude a=surface b=airborne c=spaceborne n u z
04 attitude a=low-oblique b=high-oblique c=vertical n u
05 cloud-cover 0=to-9-percent 1=to-19-percent 2=to-29-percent 3=to-39-percent 4=to-49-percent 5=to-59-percent 6=to-69-percent 7=to-79-percent 8=to-89-percent 9=to-100-percent n u
06 platform a=balloon b=aircraft-low c=aircraft-medium d=aircraft-high e=manned-spacecraft f=unmanned-spacecraft g=on-land h=on-water i=submersible n u z
07 platform-use a=meteorology b=surface-observing c=space-observing m n u z
08 sensor a=active b=passive u z
09-10 data-type =text
"""),
    "s": ("sound-recording", 14, """
01 designation d=disc e=cylinder g=cartridge i=film-sound-track q=roll r=remote s=cassette t=reel u=unspecified w=wire z
03 speed a=16-rpm b=33-rpm c=45-rpm d=78-rpm e=8-rpm f=1.4-m-per-second h=120-rpm i=160-rpm k=0.9375-ips l=1.875-ips m=3.75-ips n o=7.5-ips p=15-ips r=30-ips u z
04 playback m=monaural q=quadraphonic s=stereophonic u z
05 groove m=microgroove n s=coarse u z
06 dimensions a=3-in b=5-in c=7-in d=10-in e=12-in f=16-in g=4.75-in j=3.875-by-2.5-in n o=5.25-by-3.875-in s=2.75-by-4-in u z
07 tape-width l=0.125-in m=0.25-in n o=0.5-in p=1-in u z
08 tape-tracks a=full b=half c=quarter d=eight e=twelve f=sixteen n u z
09 disc-kind a=master-tape b=tape-duplication-master d=disc-master i=instantaneous m=mass-produced n r=mother s=stamper t=test-pressing u z
10 material a=lacquer b=cellulose-nitrate c=acetate-tape g=glass-with-lacquer i=aluminium-with-lacquer l=metal m=plastic-with-metal n p=plastic r=paper-with-lacquer s=shellac u w=wax z
11 cutting h=hill-and-dale l=lateral n u
12 playback-features a=nab b=ccir c=dolby-b d=dbx e=digital f=dolby-a g=dolby-c h=cx n u z
13 capture a=acoustical b=direct-not-acoustical d=digital e=analog-electrical u z
"""),
    "t": ("text", 2, "01 designation a=regular-print b=large-print c=braille d=loose-leaf u=unspecified z"),
    "v": ("videorecording", 9, f"""
01 designation c=cartridge d=disc f=cassette r=reel u=unspecified z
03 color {_COLOR} m n u z
04 format a=beta b=vhs c=u-matic d=eiaj e=type-c f=quadruplex g=laserdisc h=ced i=betacam j=betacam-sp k=super-vhs m=m-ii o=d-2 p=8-mm q=hi-8-mm s=blu-ray u v=dvd z
05 sound {_SOUND}
06 sound-medium {_SOUND_MEDIUM}
07 dimensions a=8-mm m=0.25-in o=0.5-in p=1-in q=2-in r=0.75-in u z
08 playback {_PLAYBACK}
"""),
    "z": ("unspecified", 2, "01 designation m=several u=unspecified z"),
}  # fmt: skip
"""By 007/00: what it is, how many characters it has, and what the others mean."""
